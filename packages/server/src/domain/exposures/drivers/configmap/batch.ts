/** Edits of one object that go together. */
export interface Batch<Edit, Result> {
  /** Resolves once the object says so, with what came of this edit. */
  add(key: string, edit: Edit): Promise<Result>;
}

interface Waiting<Edit, Result> {
  readonly edit: Edit;
  readonly done: PromiseWithResolvers<Result>;
}

/**
 * Gathers the edits of an object that come while it is being written: one write
 * takes all that wait, so that many at once cost few. `write` gets the edits in
 * their order and gives a result for each.
 */
export function createBatch<Edit, Result>(
  write: (key: string, edits: readonly Edit[]) => Promise<readonly Result[]>,
): Batch<Edit, Result> {
  const queues = new Map<string, Waiting<Edit, Result>[]>();
  const work = async (key: string) => {
    // Those that come in the same turn go along.
    await Promise.resolve();
    for (;;) {
      const waiting = queues.get(key) ?? [];
      if (waiting.length === 0) return void queues.delete(key);
      queues.set(key, []);
      try {
        const results = await write(
          key,
          waiting.map(({ edit }) => edit),
        );
        waiting.forEach(({ done }, index) => done.resolve(results[index] as Result));
      } catch (error) {
        for (const { done } of waiting) done.reject(error);
      }
    }
  };
  return {
    add(key, edit) {
      const waiting = { edit, done: Promise.withResolvers<Result>() };
      const queue = queues.get(key);
      if (queue !== undefined) queue.push(waiting);
      else {
        queues.set(key, [waiting]);
        void work(key);
      }
      return waiting.done.promise;
    },
  };
}
