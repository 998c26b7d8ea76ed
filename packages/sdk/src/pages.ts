/** One page of a list. */
export interface Page {
  readonly nextPageToken: string;
}

/** Asks for page after page, as long as somebody takes them. */
export async function* pages<P extends Page>(ask: (pageToken: string) => Promise<P>): AsyncGenerator<P, void> {
  let token = "";
  do {
    const page = await ask(token);
    yield page;
    token = page.nextPageToken;
  } while (token !== "");
}
