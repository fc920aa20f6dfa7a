import type { Row } from './seal-rows.ts'

/** Numbers as they were written: money has more digits than a double. */
export const parseRow = (text: string): Row => JSON.parse(text, keepNumber) as Row

function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined
    ? rawJson(context.source)
    : value
}

/** ECMAScript’s proposal "JSON.parse source text access", which Node 24 has and the types have not. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
