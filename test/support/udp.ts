import { createSocket } from "node:dgram";

/** Sends a question to a port of the loopback address, again and again until an answer comes or the time is over. */
export async function askByUdp(port: number, question: string, patience = 20_000): Promise<string> {
  const socket = createSocket("udp4");
  const ask = () => socket.send(question, port, "127.0.0.1");
  const again = setInterval(ask, 250);
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      limit = setTimeout(() => reject(new Error(`Nothing answers UDP on port ${String(port)}.`)), patience);
      socket.once("error", reject);
      socket.once("message", (message) => resolve(message.toString()));
      ask();
    });
  } finally {
    clearInterval(again);
    clearTimeout(limit);
    socket.close();
  }
}
