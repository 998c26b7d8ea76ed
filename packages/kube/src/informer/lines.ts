import { BerthError } from "@berth/base";

/** Bytes of one watch event: an object of etcd's limit of 1.5 MiB, in JSON, and room. */
const LINE_LIMIT = 8 * 1024 * 1024;

/** Cuts a stream into its lines. CLUSTER_REFUSED where one is over 8 MiB. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      yield Buffer.concat(rest).toString("utf8");
      rest = [];
      size = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > LINE_LIMIT)
      throw new BerthError("CLUSTER_REFUSED", `A watch event is over ${String(LINE_LIMIT)} bytes.`);
  }
}
