import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { test } from "node:test";

import { createPort, DEFAULT_LIMITS } from "./port.ts";

const RECEIVE = 200;

test("who sends nothing, or half of a body, is cut off; who only waits for an answer is not", async () => {
  const port = createPort(
    (request, response) => {
      if (request.method === "POST") request.resume().once("end", () => response.end("read"));
      else setTimeout(() => response.end("late"), RECEIVE * 3);
    },
    { limits: { ...DEFAULT_LIMITS, receiveMs: RECEIVE } },
  );
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

test("a connection of HTTP/2 lives on after the limit of silence, and its streams end before the port does", async () => {
  const port = createPort(
    (_request, response) => {
      response.writeHead(200);
      response.write("begun");
      setTimeout(() => response.end(" ended"), RECEIVE * 3);
    },
    { limits: { ...DEFAULT_LIMITS, receiveMs: RECEIVE } },
  );
  const { port: number } = await port.listen(0, "127.0.0.1");
  const session = connectHttp2(`http://127.0.0.1:${String(number)}`);
  const read = async () => {
    let text = "";
    for await (const chunk of session.request({ ":path": "/" })) text += String(chunk);
    return text;
  };
  assert.equal(await read(), "begun ended");
  const last = read();
  await new Promise((resolve) => setTimeout(resolve, RECEIVE / 2));
  await port.close(RECEIVE * 20);
  assert.equal(await last, "begun ended");
});

test("headers over the limit are refused by either HTTP, and connections over theirs are cut off", async () => {
  const limits = { ...DEFAULT_LIMITS, headerBytes: 8192, connections: 2 };
  const port = createPort((_request, response) => response.end("in"), { limits });
  const { port: number } = await port.listen(0, "127.0.0.1");
  const url = `http://127.0.0.1:${String(number)}`;
  const big = "x".repeat(9000);
  try {
    assert.equal((await fetch(url, { headers: { big, connection: "close" } })).status, 431);
    const session = connectHttp2(url);
    session.on("error", () => undefined);
    const stream = session.request({ ":path": "/", big });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(headers[":status"], 431);
    session.destroy();
    const first = [connect(number, "127.0.0.1"), connect(number, "127.0.0.1")];
    await Promise.all(first.map((socket) => once(socket, "connect")));
    const third = connect(number, "127.0.0.1");
    third.on("error", () => undefined);
    third.resume();
    await once(third, "close");
    for (const socket of first) socket.destroy();
  } finally {
    await port.close(100);
  }
});

test("connections that are idle are closed after their time", async () => {
  const limits = { ...DEFAULT_LIMITS, keepAliveMs: RECEIVE, idleSessionMs: RECEIVE };
  const port = createPort((_request, response) => response.end("now"), { limits });
  const { port: number } = await port.listen(0, "127.0.0.1");
  try {
    const kept = connect(number, "127.0.0.1");
    kept.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    kept.resume();
    const session = connectHttp2(`http://127.0.0.1:${String(number)}`);
    const closed = Promise.all([once(kept, "close"), once(session, "close")]);
    session.request({ ":path": "/" }).resume();
    await closed;
  } finally {
    await port.close(100);
  }
});

test("a connection of HTTP/2 has so many streams at a time; what is more waits", async () => {
  const limits = { ...DEFAULT_LIMITS, streams: 2 };
  const waiting: (() => void)[] = [];
  const port = createPort((_request, response) => waiting.push(() => response.end("late")), { limits });
  const { port: number } = await port.listen(0, "127.0.0.1");
  const until = async (count: number) => {
    while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  try {
    const session = connectHttp2(`http://127.0.0.1:${String(number)}`);
    await once(session, "remoteSettings");
    const streams = Array.from({ length: 3 }, () => session.request({ ":path": "/" }).resume());
    const closed = Promise.all(streams.map((stream) => once(stream, "close")));
    await until(2);
    await new Promise((resolve) => setTimeout(resolve, RECEIVE / 2));
    assert.equal(waiting.length, 2);
    waiting[0]?.();
    await until(3);
    for (const end of waiting) end();
    await closed;
    session.destroy();
  } finally {
    await port.close(100);
  }
});
