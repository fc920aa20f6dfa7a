import { readFileSync } from 'node:fs'

/** One request of the trace. */
export interface TraceRequest {
  /** Since the first one, ms. */
  readonly at: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/** What the model's context and an offer allow. */
const INPUT_MAX = 16_000
const OUTPUT_MAX = 4_096

/** Lines of `ms,prompt,answer`; those that begin with # say where they come from. */
export function parseTrace(text: string): TraceRequest[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [at, input, output] = line.split(',').map(Number)
      if (at === undefined || input === undefined || output === undefined)
        throw new Error(`not a line of a trace: ${line}`)
      return {
        at,
        inputTokens: Math.min(input, INPUT_MAX),
        outputTokens: Math.min(Math.max(1, output), OUTPUT_MAX),
      }
    })
}

/** Conversations with a service of Azure, an hour of November 2023; the file names source and licence. */
export const CONVERSATIONS = parseTrace(
  readFileSync(new URL('./data/azure-llm-2023-conversations.csv', import.meta.url), 'utf8'),
)
