const MAX_TEXT = 4096;

/** Cuts foreign text to `limit` characters and strips control characters but line feeds and tabs. */
export function boundText(text: string, limit: number = MAX_TEXT): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is removed
  const clean = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  return clean.length <= limit ? clean : `${clean.slice(0, limit)}… (${clean.length - limit} characters cut)`;
}

/** Removes user name, password and query from each URL inside a text. */
export function redactUrls(text: string): string {
  return text.replace(
    /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/@"']+@)?([^\s?"']*)(\?[^\s"']*)?/gi,
    (_all, scheme: string, _user, rest: string, query: string | undefined) =>
      `${scheme}${rest}${query === undefined ? "" : "?…"}`,
  );
}
