/** A generation of a message as the domain has it; undefined where none is given. */
export function toGeneration(generation: bigint | undefined): number | undefined {
  return generation === undefined ? undefined : Number(generation);
}
