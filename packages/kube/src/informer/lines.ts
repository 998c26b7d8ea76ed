import { BerthError } from "@berth/base";

/** Bytes of one watch event: an object of etcd's limit of 1.5 MiB, in JSON, and room. */
const LINE_LIMIT = 8 * 1024 * 1024;

/** Cuts a stream into its lines; what stands after the last line feed is no line. CLUSTER_REFUSED where one is over `limit` bytes. */
export async function* readLines(chunks: AsyncIterable<Buffer>, limit: number = LINE_LIMIT): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let size = 0;
  const take = (part: Buffer) => {
    rest.push(part);
    size += part.length;
    if (size > limit) throw new BerthError("CLUSTER_REFUSED", `An event of a watch is over ${limit} bytes.`);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end));
      yield Buffer.concat(rest, size).toString("utf8");
      rest = [];
      size = 0;
      start = end + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
}
