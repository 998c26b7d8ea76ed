/** Something a person has to put right: the message says what is wrong, the hint what to do about it. */
export class SetupError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(`${message}\n  ${hint}`, options);
    this.name = "SetupError";
    this.hint = hint;
  }
}
