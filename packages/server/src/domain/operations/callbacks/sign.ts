import { Webhook } from "standardwebhooks";

/**
 * The headers of Standard Webhooks 1.0 for a body: its id, which stays the same
 * however often it is sent, the time of this sending in Unix seconds, and one
 * signature `v1,<base64 of HMAC-SHA256 over "id.timestamp.body">` for each key.
 */
export function sign(keys: readonly Uint8Array[], id: string, time: Date, body: string): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(time.getTime() / 1000)),
    "webhook-signature": keys.map((key) => new Webhook(key, { format: "raw" }).sign(id, time, body)).join(" "),
  };
}
