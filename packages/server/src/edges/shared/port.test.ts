import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";

import { createPort } from "./port.ts";

const RECEIVE = 200;

test("who sends nothing, or half of a body, is cut off; who only waits for an answer is not", async () => {
  const port = createPort((request, response) => {
    if (request.method === "POST") request.resume().once("end", () => response.end("read"));
    else setTimeout(() => response.end("late"), RECEIVE * 3);
  }, RECEIVE);
  const { port: number } = await port.listen(0, "127.0.0.1");
  const url = `http://127.0.0.1:${String(number)}`;
  try {
    const silent = connect(number, "127.0.0.1");
    const half = connect(number, "127.0.0.1");
    for (const socket of [silent, half]) socket.on("error", () => undefined);
    half.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf");
    const cut = Promise.all([once(silent, "close"), once(half, "close")]);
    for (const socket of [silent, half]) socket.resume();
    assert.equal(await (await fetch(url, { method: "DELETE" })).text(), "late");
    assert.equal(await (await fetch(url, { method: "POST", body: "whole" })).text(), "read");
    await cut;
  } finally {
    await port.close(100);
  }
});
