/** How an API server is reached, and as whom. Plain data: PEM texts and a token. */
export interface ClusterConnection {
  /** Base URL, such as https://10.0.0.1:6443. */
  readonly server: string;
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  /** Bearer token. Where it comes from a file: as it was when the connection was read. */
  readonly token?: string | undefined;
  /** File of the token, which is read again each minute: such tokens are rotated. */
  readonly tokenFile?: string | undefined;
  readonly tlsServerName?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly proxyUrl?: string | undefined;
}
