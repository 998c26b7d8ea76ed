import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";

/** Makes the etcd of a cluster's data directory forget every version but the newest, by its JSON gateway. */
export async function compactEtcd({ dataDir }: { readonly dataDir: string }): Promise<void> {
  const { etcd } = JSON.parse(await readFile(join(dataDir, "ports.json"), "utf8")) as { etcd: number };
  const pki = (name: string) => readFile(join(dataDir, "pki", name));
  const tls = { ca: await pki("etcd-ca.crt"), cert: await pki("etcd-client.crt"), key: await pki("etcd-client.key") };
  const post = (method: string, body: object) =>
    new Promise<string>((resolve, reject) => {
      const options = { host: "127.0.0.1", port: etcd, path: method, method: "POST", ...tls };
      const call = request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      });
      call.on("error", reject).end(JSON.stringify(body));
    });
  const range = JSON.parse(await post("/v3/kv/range", { key: "AA==" })) as { header: { revision: string } };
  await post("/v3/kv/compaction", { revision: range.header.revision, physical: true });
}
