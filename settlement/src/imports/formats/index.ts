import { anthropic } from './anthropic.ts'
import { aws } from './aws.ts'
import { azure } from './azure.ts'
import type { Format } from './format.ts'
import { helicone } from './helicone.ts'
import { langfuse } from './langfuse.ts'
import { litellm } from './litellm.ts'
import { mappedCsv } from './mapped-csv.ts'
import { openTelemetry } from './open-telemetry.ts'
import { openai } from './openai.ts'

/** What an upload may be, by the name in its address. */
export const FORMATS = {
  anthropic,
  aws,
  azure,
  csv: mappedCsv,
  helicone,
  langfuse,
  litellm,
  openai,
  otlp: openTelemetry,
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS
export const FORMAT_NAMES = Object.keys(FORMATS) as [FormatName, ...FormatName[]]
