import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { parseAllDocuments, stringify } from "yaml";

import { readSecrets } from "./redact-manifest.ts";

const nobody = () => false;
const hide = (manifest: string) => readSecrets(manifest).redact(nobody);

test("of a Secret its keys stay, of anything else every byte", () => {
  const others = "---\n# Source: a/b.yaml\n# a comment\nkind: ConfigMap\napiVersion: v1\ndata: {a: 'Secret'}\n";
  const secret =
    "---\n# Source: a/c.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels: { a: b }\n" +
    "type: Opaque\ndata:\n  a: eHl6enk= # eHl6enk=\nstringData: { b: xyzzy }\n";
  assert.equal(hide(others), others);
  assert.equal(
    hide(others + secret + others),
    `${others}---\n# Source: a/c.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels:\n    a: b\n` +
      `type: Opaque\ndata:\n  a: (redacted)\nstringData:\n  b: (redacted)\n${others}`,
  );
  assert.equal(
    readSecrets(secret).redact(() => true),
    secret,
  );
});

test("whatever way a Secret is written, none of it is told", () => {
  const odd = [
    '--- {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eHl6enk="}}',
    'apiVersion: v1\n"ki\\x6ed": "Sec\\x72et"\nstringData: {a: xyzzy}',
    "apiVersion: v1\nkind: &k Secret\nother: *k\nstringData: &s {a: xyzzy}\n",
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, stringData: {a: xyzzy}}\n",
    "apiVersion: v1\nkind: SecretList\nitems:\n- {stringData: {a: xyzzy}}\n",
    "apiVersion: v1\nkind: List\nitems: [{kind: List, items: [{apiVersion: v1, kind: Secret, data: xyzzy}]}]\n",
    "apiVersion: v1\nkind: Secret\nkind: Secret\nstringData: {a: xyzzy}\n",
    "apiVersion: v1\nkind: Secret\nstringData: {a: xyzzy\n",
    "a: 1\n...\napiVersion: v1\nkind: Secret\nstringData: {a: xyzzy}\n",
    "base: &b {apiVersion: v1, kind: Secret}\n<<: *b\nstringData: {a: xyzzy}\n",
    "apiVersion: v1\nkind: Secret\nstringData:\n  a:\n    - xyzzy\n    - {b: xyzzy}\n",
    "apiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: xyzzy\n",
    "kind: Secret # xyzzy\napiVersion: v1\n",
  ];
  for (const manifest of odd) {
    const shown = hide(`---\n# Source: x\na: 1\n---\n${manifest.replace(/^--- /, "")}\n`) + hide(manifest);
    assert.doesNotMatch(shown, /xyzzy|eHl6enk/, manifest);
  }
});

test("the manifests that come out are as many documents as went in", () => {
  const text = fc.string({ minLength: 1, maxLength: 12 }).map((one) => `%${one}%`);
  const object = fc.record({
    apiVersion: fc.constant("v1"),
    kind: fc.constantFrom("Secret", "ConfigMap"),
    metadata: fc.record({ name: text, namespace: fc.constantFrom("seen", "hidden") }),
    data: fc.dictionary(text, text, { maxKeys: 4 }),
  });
  fc.assert(
    fc.property(fc.array(object, { minLength: 1, maxLength: 5 }), (objects) => {
      const manifest = objects.map((one) => `---\n# Source: chart/x.yaml\n${stringify(one)}`).join("");
      const shown = readSecrets(manifest).redact((namespace) => namespace === "seen");
      const read = parseAllDocuments(shown).map((one) => one.toJS() as unknown);
      const wanted = objects.map((one): unknown => {
        if (one.kind !== "Secret" || one.metadata.namespace === "seen") return one;
        return { ...one, data: Object.fromEntries(Object.keys(one.data).map((key) => [key, "(redacted)"])) };
      });
      assert.equal(JSON.stringify(read), JSON.stringify(wanted));
    }),
  );
});

test("beside an older manifest it is said which texts are others", () => {
  const of = (a: string, b: string) =>
    readSecrets(`apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: ${a}, b: ${b}}\n`);
  const shown = of("two", "same").redact(nobody, of("one", "same"));
  assert.match(shown, /a: \(redacted, changed\)\n {2}b: \(redacted\)\n/);
});
