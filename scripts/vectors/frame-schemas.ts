import { FINAL_REASONS } from '@hanse/protocol'
import {
  amount,
  bytes,
  bytesUpTo,
  counter,
  int,
  list,
  nullable,
  type Schema,
  signed,
  time,
  variants,
} from './schema.ts'

/** A statement's line is a list, not a map: its fields in this order. */
export const LINE_SCHEMA: Schema = {
  tuple: [
    'link',
    'link',
    'model',
    counter,
    counter,
    counter,
    counter,
    amount,
    time,
    { enum: FINAL_REASONS },
  ],
}

const countersign = { sequence: counter, signature: bytes(64) }
const refuse = { sequence: counter, code: 'error-code' } as const

export const FRAME_SCHEMAS: Readonly<Record<string, Schema>> = {
  consumer: variants('t', {
    order: {
      order: signed,
      authorization: nullable(signed),
      secret: bytes(32),
      trace: nullable('traceparent'),
    },
    prompt: { part: bytesUpTo(524_288), last: 'boolean' },
    countersign,
    refuse,
    cancel: {},
  }),
  provider: variants('t', {
    accept: { acceptance: signed },
    quote: { quote: signed },
    reject: { rejection: signed },
    delta: {
      first: counter,
      items: list({ tuple: [int(0, 1_000_000), bytesUpTo(1_000_000)] }, 1, 1024),
    },
    receipt: { bytes: bytesUpTo(8192), signature: bytes(64) },
  }),
  'statement-proposal': variants('t', {
    propose: { statement: signed, lines: list(bytesUpTo(320), 1, 1000) },
  }),
  'statement-answer': variants('t', { countersign, refuse }),
}
