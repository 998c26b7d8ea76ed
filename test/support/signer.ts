/** A key of the tests that signs charts with `helm package --sign`, as keyrings of OpenPGP. */
export const SIGNER = {
  name: "Berth signing tests",
  secret: Buffer.from(
    "xVgEaVW5ABYJKwYBBAHaRw8BAQdAyM79yqbI5aAHmMOWxyOieTfg+p3Jg0FFcvzY+YZx9SUAAQCtY9oRcgv00u1IqU093D2HUbBu3sBih5OD" +
      "MHli2yF/MhALzSlCZXJ0aCBzaWduaW5nIHRlc3RzIDxzaWduaW5nQGV4YW1wbGUuY29tPsK9BBMWCABvBYJpVbkAAgsHCRAr7DHpESB4" +
      "PjUUAAAAAAAcABBzYWx0QG5vdGF0aW9ucy5vcGVucGdwanMub3JnUCYWuEBHHAOY5O+iBFsmaQIVCAIWAAIZAQKbAwIeARYhBD/JF/6y" +
      "n0bc8OP7EyvsMekRIHg+AAAhYAD/YcE/NKzzeFKenFa/rA+yed9sCxUqsLjp8x5aJZ7m1KABAIhK3YebuIbdSEe8Gl7U2aA7076cLxX/" +
      "rwQCIa8rsuAN",
    "base64",
  ),
  public: Buffer.from(
    "xjMEaVW5ABYJKwYBBAHaRw8BAQdAyM79yqbI5aAHmMOWxyOieTfg+p3Jg0FFcvzY+YZx9SXNKUJlcnRoIHNpZ25pbmcgdGVzdHMgPHNpZ25p" +
      "bmdAZXhhbXBsZS5jb20+wr0EExYIAG8FgmlVuQACCwcJECvsMekRIHg+NRQAAAAAABwAEHNhbHRAbm90YXRpb25zLm9wZW5wZ3Bqcy5v" +
      "cmdQJha4QEccA5jk76IEWyZpAhUIAhYAAhkBApsDAh4BFiEEP8kX/rKfRtzw4/sTK+wx6REgeD4AACFgAP9hwT80rPN4Up6cVr+sD7J5" +
      "32wLFSqwuOnzHlolnubUoAEAiErdh5u4ht1IR7waXtTZoDvTvpwvFf+vBAIhryuy4A0=",
    "base64",
  ),
} as const;
