import { amount, counter, country, peerId, timestamp, word } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import { residencySchema } from '../region/policy.ts'

/**
 * Settlement's promise, backed by a hold on the consumer's balance, that doubly-signed receipts citing it are paid up to
 * `limit` (pico-euro); signed in the role `settlement`. One authorization serves many sessions; the provider keeps count.
 */
export const spendAuthorization = defineRecord(
  'hanse.spend-authorization.v1',
  {
    issuer: peerId,
    consumer: peerId,
    provider: peerId,
    /** Settlement's id of the organization that pays. */
    organization: word(64),
    limit: amount,
    issuedAt: timestamp,
    notAfter: timestamp,
    serial: counter,
    /**
     * Where the organization that pays lets its prompts be processed; absent where it rules nothing of it. What is
     * processed elsewhere is not paid, whatever the order says.
     */
    residency: residencySchema.exactOptional(),
  },
  {
    check: (value) =>
      value.issuedAt < value.notAfter ? undefined : 'notAfter is not after issuedAt',
  },
)
export type SpendAuthorization = ReturnType<typeof spendAuthorization.decode>

export const authorizationSigners = (value: SpendAuthorization) =>
  [{ signer: value.issuer, role: 'settlement' }] as const

/**
 * A provider's wish to be paid through a settlement service, from where its payout account will be; signed in the role
 * `provider`, so that nobody can bind another's node.
 */
export const providerBinding = defineRecord(
  'hanse.provider-binding.v1',
  {
    provider: peerId,
    settlement: peerId,
    /** ISO country of the payout account. */
    country,
    issuedAt: timestamp,
    notAfter: timestamp,
  },
  {
    check: (value) =>
      value.issuedAt < value.notAfter ? undefined : 'notAfter is not after issuedAt',
  },
)
export type ProviderBinding = ReturnType<typeof providerBinding.decode>

export const bindingSigners = (value: ProviderBinding) =>
  [{ signer: value.provider, role: 'provider' }] as const
