import assert from "node:assert/strict";
import { test } from "node:test";

import { createStore } from "./store.ts";
import type { Entry } from "./store.ts";
import type { CacheChange } from "./types.ts";

interface Thing {
  readonly color: string;
}

function entry(color: string, resourceVersion: string, uid = "u"): Entry<Thing> {
  return { object: { color }, uid, resourceVersion };
}

function storeOf() {
  const told: string[] = [];
  const store = createStore<Thing>({ color: (thing) => [thing.color] }, (change: CacheChange<Thing>) => {
    const { type, key } = change;
    told.push(`${type} ${key}`);
    assert.equal(store.get(key), type === "deleted" ? undefined : change.object, "told after it was made");
  });
  return { store, told };
}

test("a replacement tells the difference only, deletions first", () => {
  const { store, told } = storeOf();
  for (const key of ["same", "changed", "gone", "other"]) store.put(key, entry("red", "1"));
  told.length = 0;
  store.replace(
    new Map([
      ["new", entry("red", "5")],
      ["changed", entry("blue", "4")],
      ["other", entry("blue", "3", "another uid")],
      ["same", entry("red", "1")],
    ]),
  );
  assert.deepEqual(told, ["deleted gone", "added new", "modified changed", "deleted other", "added other"]);
  assert.equal(store.size(), 4);
  assert.equal(store.list().length, 4);
});

test("an index follows each change and keeps nothing of what is gone", () => {
  const { store } = storeOf();
  store.put("a", entry("red", "1"));
  store.put("b", entry("red", "2"));
  assert.equal(store.byIndex("color", "red").length, 2);
  store.put("a", entry("blue", "3"));
  assert.deepEqual(store.byIndex("color", "red"), [{ color: "red" }]);
  assert.deepEqual(store.byIndex("color", "blue"), [{ color: "blue" }]);
  store.remove("a");
  store.remove("a");
  assert.deepEqual(store.byIndex("color", "blue"), []);
  assert.deepEqual(store.byIndex("shape", "round"), []);
});

test("the same version again is no change", () => {
  const { store, told } = storeOf();
  store.put("a", entry("red", "1"));
  store.put("a", entry("red", "1"));
  assert.deepEqual(told, ["added a"]);
});
