/** Data of a log line: never in the message, so that messages stay constant. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The log as every package sees it. `pino` satisfies it. Messages are constant
 * text; what varies goes into the fields; secrets go nowhere.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** A log that keeps nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
