import type { CodeEntry } from "./error-kinds.ts";

/** The codes of pools, addresses and exposures; part of the closed list. */
export const EXPOSURE_CODES = {
  EXPOSURE_NOT_FOUND: {
    kind: "not_found",
    title: "The namespace has no exposure of this name",
    hint: "List the exposures of the namespace.",
  },
  EXPOSURE_EXISTS: {
    kind: "conflict",
    title: "An exposure of this name exists and asks for something else",
    hint: "Delete it, or choose another name.",
  },
  POOL_NOT_FOUND: {
    kind: "not_found",
    title: "There is no address pool of this name",
    hint: "List the pools and name one of them, or make it.",
  },
  POOL_EXISTS: {
    kind: "conflict",
    title: "An address pool of this name exists",
    hint: "Choose another name, or change the pool with kubectl.",
  },
  POOL_IN_USE: {
    kind: "conflict",
    title: "Ports of the pool or of the address are given",
    hint: "Delete the exposures first; list them by the pool's name.",
  },
  POOL_REFUSED: {
    kind: "forbidden",
    title: "The pool is not for this namespace",
    hint: "Use another pool, or ask whoever keeps it to allow the namespace (spec.allowedNamespaces).",
  },
  POOL_EXHAUSTED: {
    kind: "exhausted",
    title: "The pool has no free port",
    hint: "Delete an exposure, add an address or ports to the pool, or wait until freed ports have rested.",
  },
  ADDRESS_NOT_FOUND: {
    kind: "not_found",
    title: "The pool has no such address",
    hint: "Name an address of the pool by its name, IP address or host name.",
  },
  ADDRESS_EXISTS: {
    kind: "conflict",
    title: "An address of this name exists",
    hint: "Choose another name.",
  },
  ADDRESS_TAKEN: {
    kind: "conflict",
    title: "Another address stands for the same place",
    hint: "One Gateway, ConfigMap or IP address belongs to one Address of one pool: remove one of them.",
  },
  ADDRESS_INVALID: {
    kind: "unprocessable",
    title: "The address does not fit its pool",
    hint: "Give it the settings of the pool's driver.",
  },
  PORT_TAKEN: {
    kind: "conflict",
    title: "Somebody else has the port that is asked for",
    hint: "Ask for another port, or leave the choice to Berth.",
  },
  PORT_OUT_OF_RANGE: {
    kind: "invalid",
    title: "The port is not in the pool's range",
    hint: "Ask for a port of the range, or leave the choice to Berth.",
  },
  SERVICE_NOT_FOUND: {
    kind: "not_found",
    title: "The service does not exist",
    hint: "Create it, or correct its name: the exposure becomes ready by itself.",
  },
  SERVICE_PORT_NOT_FOUND: {
    kind: "not_found",
    title: "The service has no such port",
    hint: "Name one of its ports, by number or name, and its protocol.",
  },
  SERVICE_UNSUPPORTED: {
    kind: "unprocessable",
    title: "A service of this kind cannot be exposed",
    hint: "Use a service with a cluster IP address and a selector.",
  },
  RESERVATION_NOT_FOUND: {
    kind: "not_found",
    title: "There is no such reservation",
    hint: "Reserve again: reservations expire.",
  },
  DRIVER_UNAVAILABLE: {
    kind: "unavailable",
    title: "What carries the pool's ports is not there",
    hint: "Install what the driver needs; docs/expose.md says what.",
  },
  DRIVER_REFUSED: {
    kind: "unprocessable",
    title: "What carries the ports refused one",
    hint: "Read the message: it has the data plane's own words.",
  },
} as const satisfies Record<string, CodeEntry>;
