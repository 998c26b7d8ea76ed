/** Something missing on this machine, and what to do about it. */
export class SetupProblem extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}
