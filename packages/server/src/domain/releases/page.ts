import { BerthError } from "@berth/base";
import { z } from "zod";

import type { Order, OrderPlace } from "./columns.ts";

const token = z.tuple([
  z.string(),
  z.boolean(),
  z.union([z.string(), z.number()]),
  z.string(),
  z.string().min(1),
  z.string(),
]);

/** Reads a page token of a list in an order; undefined for the first page. INVALID_ARGUMENT where it is none of it. */
export function parsePageToken(text: string, order: Order): OrderPlace | undefined {
  if (text === "") return undefined;
  const [column, isDescending, value, namespace, name, cluster] = read(text) ?? [];
  if (column === order.column && isDescending === order.isDescending && value !== undefined) {
    return { value, namespace: namespace ?? "", name: name ?? "", cluster: cluster ?? "" };
  }
  throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", {
    field: "page_token",
    hint: "Give next_page_token of the page before, unchanged and with the same order_by, or leave it out for the first page.",
  });
}

/** Makes the token of the page that begins after `last`. */
export function toPageToken({ column, isDescending }: Order, { value, namespace, name, cluster }: OrderPlace): string {
  return Buffer.from(JSON.stringify([column, isDescending, value, namespace, name, cluster])).toString("base64url");
}

function read(text: string): z.infer<typeof token> | undefined {
  try {
    return token.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    return undefined;
  }
}
