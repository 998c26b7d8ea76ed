import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { Command } from "../command.ts";
import type { Release } from "../releases/index.ts";
import { SETTLE_CAUSE, recover } from "./recovery.ts";
import type { Decision, Facts } from "./recovery.ts";

const ID = "op-1";
const MAX_ATTEMPTS = 8;
const TARGET = { cluster: "local", namespace: "team", name: "web" };
const COMMANDS: readonly Command[] = [
  { verb: "install", target: TARGET, chart: { name: "web" }, planToken: "p", expectedRevision: 0 },
  { verb: "upgrade", target: TARGET, chart: { path: "web" } },
  { verb: "rollback", target: TARGET, expectedRevision: 2 },
  { verb: "uninstall", target: TARGET, expectedRevision: 1 },
  { verb: "test", target: TARGET },
  { verb: "unlock", target: TARGET },
];
/** All of Helm's words. */
const STATUSES = [
  ...["unknown", "deployed", "uninstalled", "superseded", "failed", "uninstalling"],
  ...["pending-install", "pending-upgrade", "pending-rollback"],
];
const DESCRIPTIONS = [
  ...["", "Upgrade complete", "Upgrade ended without success: a hook failed"],
  ...[`Upgrade ended without success: ${SETTLE_CAUSE}`, `Uninstall ended without success: ${SETTLE_CAUSE}`],
  ...["Uninstall ended without success: a hook failed", `Unlocked by ${ID}`],
];

interface Stored {
  readonly status: string;
  readonly operationId: string;
  readonly description: string;
}

function release(revision: number, { status, operationId, description }: Stored): Release {
  return {
    ...{ ...TARGET, revision, status, operationId, description, labels: {}, unreadable: "" },
    ...{ firstDeployed: undefined, lastDeployed: undefined, deleted: undefined },
    ...{ chart: { name: "web", version: "1.2.3", appVersion: "" }, provenance: { "chart-digest": "sha256:1" } },
  };
}

const stored = fc.record<Stored>({
  status: fc.constantFrom(...STATUSES),
  operationId: fc.constantFrom(ID, "op-2", ""),
  description: fc.constantFrom(...DESCRIPTIONS),
});
const facts = fc.record<Facts>({
  operation: fc.constant(ID),
  // Newest first.
  history: fc.array(stored, { maxLength: 4 }).map((all) => all.map((one, index) => release(all.length - index, one))),
  attempt: fc.integer({ min: 1, max: 8 }),
  isAgain: fc.boolean(),
});

const makesRevision = ({ verb }: Command) => ["install", "upgrade", "rollback"].includes(verb);
/** What has been deployed, also where somebody has begun to uninstall it since. */
const HAD_SUCCEEDED = /^(deployed|superseded|uninstalled|uninstalling)$/;
const isUnsettled = (status: string) => status.startsWith("pending-") || status === "uninstalling";

test("for whatever is stored there is one decision, which is allowed", () => {
  const reached = new Set<Decision["do"]>();
  const check = (command: Command, given: Facts) => {
    const before = JSON.stringify({ command, given });
    const decided = recover(command, given);
    assert.equal(JSON.stringify({ command, given }), before);
    assert.deepEqual(recover(command, given), decided);
    reached.add(decided.do);
    const newest = given.history[0];
    const own = given.history.filter(({ operationId }) => operationId === ID);
    switch (decided.do) {
      case "run":
        assert.ok(given.attempt <= MAX_ATTEMPTS);
        assert.equal(decided.command.verb, command.verb);
        assert.deepEqual(decided.command.target, TARGET);
        // What was expected is not there any more; what somebody else has written since was not expected.
        if (makesRevision(command) && own.length > 0 && command.expectedRevision !== undefined) {
          const isOurs = newest?.operationId === ID;
          assert.equal(decided.command.expectedRevision, isOurs ? newest.revision : command.expectedRevision);
        }
        return;
      case "succeed":
        if (makesRevision(command)) assert.ok(own.some(({ status }) => HAD_SUCCEEDED.test(status)));
        if (command.verb === "uninstall") assert.ok(newest === undefined || newest.status === "uninstalled");
        assert.notEqual(command.verb, "test");
        return;
      case "settle": {
        const meant = given.history.find(({ revision }) => revision === decided.revision);
        assert.ok(meant !== undefined && isUnsettled(meant.status));
        const isUninstall = command.verb === "uninstall" && meant.status === "uninstalling";
        assert.ok(meant.operationId === ID || isUninstall);
        return;
      }
      case "fail":
        assert.equal(decided.error.code, "INTERRUPTED");
        assert.ok(given.attempt > MAX_ATTEMPTS || /^(failed|unknown)$/.test(decided.release?.status ?? ""));
    }
  };
  fc.assert(fc.property(fc.constantFrom(...COMMANDS), facts, check), { numRuns: 20_000 });
  assert.deepEqual([...reached].sort(), ["fail", "run", "settle", "succeed"]);
});

/** What becomes of one attempt. `settled`: the engine has still written the ending of what it was interrupted in. */
type Fate = "ends deployed" | "ends failed" | "dies before" | "dies pending" | "dies after" | "dies settled";
const FATES: readonly Fate[] = [
  ...(["ends deployed", "ends failed", "dies before"] as const),
  ...(["dies pending", "dies after", "dies settled"] as const),
];

/** Helm's store of one release: what an action leaves in it at the point where its holder dies. */
class Store {
  history: Release[] = [];
  made = 0;

  push(one: Stored): void {
    this.history = [release((this.history[0]?.revision ?? 0) + 1, one), ...this.history];
  }

  change(revision: number, change: Partial<Stored>): void {
    this.history = this.history.map((one) => (one.revision === revision ? { ...one, ...change } : one));
  }

  /** One attempt; whether its holder lives to write the operation's ending. */
  run(command: Command, fate: Fate): "succeeded" | "failed" | "died" {
    if (fate === "dies before") return "died";
    const ending = fate === "ends deployed" ? "succeeded" : fate === "ends failed" ? "failed" : "died";
    if (command.verb === "test") return ending;
    const { [0]: newest } = this.history;
    if (command.verb === "unlock") {
      if (newest !== undefined && fate !== "ends failed" && fate !== "dies pending") {
        this.change(newest.revision, { status: "failed", description: `Unlocked by ${ID}` });
      }
      return ending;
    }
    this.made++;
    const isDone = fate === "ends deployed" || fate === "dies after";
    if (command.verb === "uninstall") {
      if (isDone) this.history = [];
      else if (newest !== undefined) this.change(newest.revision, interruptedAs(fate, "uninstalling", "Uninstall"));
      return ending;
    }
    const old = this.history.find(({ status }) => status === "deployed");
    if (old !== undefined && isDone) this.change(old.revision, { status: "superseded" });
    const deployed = { status: "deployed", description: "Complete" };
    const word = interruptedAs(fate, `pending-${command.verb}`, "Upgrade");
    this.push({ operationId: ID, ...(isDone ? deployed : word) });
    return ending;
  }
}

function interruptedAs(fate: Fate, pending: string, what: string): Omit<Stored, "operationId"> {
  if (fate === "dies pending") return { status: pending, description: "" };
  const cause = fate === "ends failed" ? "a hook failed" : SETTLE_CAUSE;
  return { status: "failed", description: `${what} ended without success: ${cause}` };
}

test("what is left without an ending under somebody's rollback had not succeeded", () => {
  const pending = release(2, { status: "pending-upgrade", operationId: ID, description: "" });
  const newer = release(3, { status: "deployed", operationId: "", description: "Rollback to 1" });
  const decided = recover(COMMANDS[1]!, { operation: ID, history: [newer, pending], attempt: 2, isAgain: false });
  assert.deepEqual(decided, { do: "settle", revision: 2 });
  const settled = { ...pending, status: "failed", description: `Upgrade ended without success: ${SETTLE_CAUSE}` };
  const again = recover(COMMANDS[1]!, { operation: ID, history: [newer, settled], attempt: 2, isAgain: false });
  assert.equal(again.do, "run");
});

test("an operation whose holders die again and again has one ending, and what is stored bears it out", () => {
  const reached = new Set<string>();
  const fates = fc.array(fc.constantFrom(...FATES), { minLength: 1, maxLength: 8 });
  const deaths = fc.infiniteStream(fc.boolean());
  const check = (
    command: Command,
    [first, ...later]: readonly Fate[],
    isForeignBefore: boolean,
    dies: Iterator<boolean>,
  ) => {
    const store = new Store();
    if (isForeignBefore) store.push({ status: "deployed", operationId: "op-0", description: "" });
    let ended: string | undefined = store.run(command, first!);
    let attempt = 1;
    for (let steps = 0; ended === "died"; steps++) {
      assert.ok(steps < 60, "it goes on for ever");
      // Whoever takes it up may die over that, too: each takeover counts as an attempt.
      attempt++;
      for (let isUp = true; isUp;) {
        const decided = recover(command, { operation: ID, history: store.history, attempt, isAgain: false });
        reached.add(decided.do);
        isUp = decided.do === "settle" && dies.next().value !== true;
        if (decided.do === "settle") {
          const word = command.verb === "uninstall" ? "Uninstall" : "Upgrade";
          store.change(decided.revision, interruptedAs("dies settled", "", word));
        } else if (decided.do === "run") ended = store.run(decided.command, later.shift() ?? "dies pending");
        else ended = decided.do === "succeed" ? "succeeded" : "failed";
      }
    }
    const own = store.history.find(({ operationId }) => operationId === ID);
    assert.ok(store.made <= MAX_ATTEMPTS, `it was done ${String(store.made)} times`);
    assert.ok(attempt <= 2 * MAX_ATTEMPTS + 1);
    assert.ok(!store.history.some(({ status }) => isUnsettled(status)), "something is left without an ending");
    if (!makesRevision(command)) return;
    assert.equal(own?.status === "deployed", ended === "succeeded");
    assert.ok(store.history.filter(({ status }) => status === "deployed").length <= 1);
  };
  const property = fc.property(
    ...([fc.constantFrom(...COMMANDS), fates, fc.boolean(), deaths] as const),
    (command, given, isForeign, dies) => check(command, given, isForeign, dies[Symbol.iterator]()),
  );
  fc.assert(property, { numRuns: 5000 });
  assert.deepEqual([...reached].sort(), ["fail", "run", "settle", "succeed"]);
});
