import type { SignedRecord } from '@hanse/protocol'
import { check, checkReceipt, type Outcome, type Trust } from './check.ts'

/** Thousands of signatures take seconds: the page stays alive meanwhile. */
export type Question = { readonly id: number; readonly trust: Trust } & (
  | { readonly bytes: Uint8Array }
  | { readonly signed: SignedRecord }
)
export type Answer = { readonly id: number; readonly outcome: Outcome }

self.onmessage = ({ data }: MessageEvent<Question>) => {
  const outcome =
    'signed' in data ? checkReceipt(data.signed, data.trust) : check(data.bytes, data.trust)
  self.postMessage({ id: data.id, outcome } satisfies Answer)
}
// Tells that all of it is here: from now on no network is needed.
self.postMessage('ready')
