import {
  bindingSigners,
  CLOCK_SKEW_MS,
  openSigned,
  type ProviderBinding,
  providerBinding,
  type SignedRecord,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'

/**
 * Opens a binding: a provider's word to this settlement, some minutes old, which shows that whoever sends it has its key.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*
 * @throws {SettlementError} HANSE_REQUEST_INVALID
 */
export function openBinding(context: SettlementContext, signed: SignedRecord): ProviderBinding {
  const { value } = openSigned(context, providerBinding, signed, bindingSigners)
  if (value.settlement !== context.signer.peerId) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'the binding is for another settlement')
  }
  if (value.notAfter <= context.now() || value.issuedAt > context.now() + CLOCK_SKEW_MS) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'the binding is not valid now')
  }
  return value
}
