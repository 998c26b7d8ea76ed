import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";

import { loadKubeconfig } from "@berth/kube";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

/** What came through. */
export interface ProxyAnswer {
  readonly status: number | undefined;
  readonly body: unknown;
}

/** A port of a Service as the API server's proxy leads to it, for the administrator of a kubeconfig. */
export interface ServiceProxy {
  /** Sends a body as it is and reads JSON. */
  send(method: string, path: string, body?: string | Buffer, type?: string): Promise<ProxyAnswer>;
  /** Sends a body, and gives the events that it is answered with, each with the milliseconds since then. */
  events(path: string, body: Buffer, type: string): Promise<readonly { readonly name: string; readonly ms: number }[]>;
  readonly transport: Transport;
}

/** Opens the way to a Service, `name:port`. */
export async function openServiceProxy(kubeconfig: string, namespace: string, service: string): Promise<ServiceProxy> {
  const {
    server,
    certificateAuthority: ca = "",
    clientCertificate: cert = "",
    clientKey: key = "",
  } = await loadKubeconfig(kubeconfig);
  const url = `${server}/api/v1/namespaces/${namespace}/services/${service}/proxy`;
  const open = async (method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}) => {
    const outgoing = request(url + path, { ca, cert, key, method, headers });
    outgoing.end(body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    return answer;
  };
  return {
    async send(method, path, body, type) {
      const answer = await open(method, path, body, type === undefined ? {} : { "content-type": type });
      return { status: answer.statusCode, body: JSON.parse(await text(answer)) as unknown };
    },
    async events(path, body, type) {
      const begun = Date.now();
      const answer = await open("POST", path, body, { "content-type": type, accept: "text/event-stream" });
      const seen: { name: string; ms: number }[] = [];
      for await (const chunk of answer) {
        for (const [, name = ""] of String(chunk).matchAll(/^event: (\w+)$/gm))
          seen.push({ name, ms: Date.now() - begun });
      }
      return seen;
    },
    transport: createConnectTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { ca, cert, key } }),
  };
}
