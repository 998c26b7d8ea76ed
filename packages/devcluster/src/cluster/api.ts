import { Agent, request } from "node:https";

/** An answer of the API server takes milliseconds; one that takes ten seconds will not come. */
const PATIENCE = 10_000;

/** The few requests a cluster needs while it starts, made with the administrator's certificate. */
export interface AdminApi {
  /** Sends JSON and gives status and body. Rejects where nobody answers. */
  send(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>;
  close(): void;
}

/** Opens the API of a cluster. */
export function adminApi(server: string, credentials: { ca: string; cert: string; key: string }): AdminApi {
  const agent = new Agent({ ...credentials, keepAlive: true });
  return {
    close: () => agent.destroy(),
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const type = method === "PATCH" ? "application/strategic-merge-patch+json" : "application/json";
        const headers = { "content-type": type };
        const outgoing = request(new URL(path, server), { agent, method, headers, timeout: PATIENCE }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          );
        });
        outgoing.on("timeout", () => outgoing.destroy(new Error(`${server} does not answer.`)));
        outgoing.on("error", reject);
        outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      }),
  };
}
