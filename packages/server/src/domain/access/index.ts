export { loopbackPrincipal } from "./principal.ts";
export type { Principal } from "./principal.ts";
