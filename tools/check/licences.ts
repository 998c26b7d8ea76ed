/** Licences that what we ship may have, as SPDX names. */
const ALLOWED_LICENCES: readonly string[] = [
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MPL-2.0",
  "Unlicense",
];

/** Signs of a licence in its own text; the first that fits counts. */
const SIGNS: readonly (readonly [spdx: string, sign: RegExp])[] = [
  ["GPL", /^.{0,200}GNU (?:AFFERO |LESSER )?GENERAL PUBLIC LICENSE/i],
  ["Apache-2.0", /Apache License,?\s+Version 2\.0/i],
  ["MPL-2.0", /Mozilla Public License,?\s+version 2\.0/i],
  ["MIT", /Permission is hereby granted, free of charge, to any person obtaining a copy/i],
  ["BSD-3-Clause", /Redistribution and use in source and binary forms, with or without modification/i],
  ["ISC", /Permission to use, copy, modify, and(?:\/or)? distribute this software for any purpose/i],
  ["Unlicense", /This is free and unencumbered software released into the public domain/i],
  ["CC0-1.0", /CC0 1\.0 Universal/i],
];

/** Whether an SPDX expression, of names, AND, OR and parentheses around the whole, is allowed. */
export function isAllowed(expression: string): boolean {
  const flat = expression.replaceAll(/[()]/g, "");
  return flat.split(" OR ").some((part) => part.split(" AND ").every((name) => ALLOWED_LICENCES.includes(name.trim())));
}

/** Recognises a licence by its text. BSD licences all answer as BSD-3-Clause; undefined for an unknown one. */
export function recogniseLicence(text: string): string | undefined {
  const flat = text.replaceAll(/^[\s>*#/]+/gm, " ").replaceAll(/\s+/g, " ");
  return SIGNS.find(([, sign]) => sign.test(flat))?.[0];
}
