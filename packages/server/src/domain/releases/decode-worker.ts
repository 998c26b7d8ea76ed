import { worker } from "workerpool";

import { decodeSummary } from "./decode.ts";

/*
 * A thread that decodes records: what inflates and parses never keeps the
 * gateway's requests waiting.
 */

worker({ decode: decodeSummary });
