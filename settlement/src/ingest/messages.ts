import { HanseError, type PeerId } from '@hanse/protocol'
import { faultOf, type WireFault } from '../db/rpc.ts'
import { SettlementError } from '../errors.ts'

// The messages between the API's thread and those that verify.

export type BatchKind = 'receipts' | 'statements'

/** What a thread is started with. */
export interface ThreadSetup {
  readonly network: string
  /** This service: the only issuer of authorizations that it honours. */
  readonly settlement: PeerId
  readonly receiptGraceMs: number
  /** With it the thread books what it verified, on connections of its own; without, it hands the claims back. */
  readonly databaseUrl: string | null
}

export interface ThreadRequest {
  readonly id: number
  readonly kind: BatchKind
  /** As it was sent; its memory moves to the thread. */
  readonly body: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: number
}

export type ThreadReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: WireFault }

/** Codes of the protocol cross as those of this service do. */
export function batchFault(error: unknown): WireFault {
  return faultOf(
    error instanceof HanseError
      ? new SettlementError(error.code, error.message, { cause: error })
      : error,
  )
}
