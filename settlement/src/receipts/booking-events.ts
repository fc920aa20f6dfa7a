import { type LogFact, ownerOf, placeOf } from '../log/log-fact.ts'
import type { NewEvent } from '../notifications/event.ts'
import type { Claim, StatementClaim } from './claim.ts'

/** Who pays, and where the provider is, as far as this service knows. */
export interface EventParties {
  readonly organization: string | undefined
  readonly country: string | undefined
}

/** Of the longest names, a kilobyte: what is sealed has two. A statement of more models has the rest in its lines. */
const MODELS_MAX = 8

// No peer ids: what an event seals is the organization's. Who the provider was is in the receipt that it names.

export function receiptSettled(
  claim: Claim,
  increase: bigint,
  { organization, country }: EventParties,
): LogFact {
  return {
    kind: 'receipt-settled',
    record: claim.receipt,
    ...detailsOf(organization, {
      session: claim.session,
      model: claim.model,
      amount: claim.amount,
      increase,
      ...placeOf(claim.residency, country),
    }),
  }
}

export function statementSettled(
  claim: StatementClaim,
  increase: bigint,
  { organization, country }: EventParties,
): LogFact {
  const [first] = claim.claims
  const models = [...new Set(claim.claims.map(({ model }) => model))].sort().slice(0, MODELS_MAX)
  return {
    kind: 'statement-settled',
    record: claim.cid,
    ...detailsOf(organization, {
      sessions: claim.claims.length + claim.refused.length,
      models,
      increase,
      ...(first !== undefined && placeOf(first.residency, country)),
    }),
  }
}

/** Two receipts with one number, which both sides signed: the evidence is kept, and the log says since when. */
export function receiptsContradict(
  claim: Claim,
  kept: string,
  { organization }: EventParties,
): LogFact {
  return {
    kind: 'policy-violation',
    record: claim.receipt,
    ...detailsOf(organization, {
      session: claim.session,
      provider: claim.provider,
      equivocation: kept,
    }),
  }
}

export function statementsContradict(
  claim: StatementClaim,
  kept: string,
  { organization }: EventParties,
): LogFact {
  return {
    kind: 'policy-violation',
    record: claim.cid,
    ...detailsOf(organization, {
      authorization: claim.authorization,
      lane: claim.lane,
      provider: claim.provider,
      equivocation: kept,
    }),
  }
}

/** Nothing else is kept of what was refused, so this says who it was. */
export function policyViolated(claim: Claim, { organization, country }: EventParties): LogFact {
  return {
    kind: 'policy-violation',
    record: claim.receipt,
    ...detailsOf(organization, {
      session: claim.session,
      model: claim.model,
      provider: claim.provider,
      ...placeOf(claim.residency, country),
    }),
  }
}

/** Told once of each receipt, however often that is handed in. */
export function residencyViolated(
  { session, receipt, provider, model, residency }: Claim,
  { organization, country }: EventParties,
): NewEvent {
  const { allow, minLevel, evidence = [] } = residency
  return {
    organization: organization ?? null,
    kind: 'residency.violated',
    subject: session,
    cause: receipt,
    facts: {
      provider,
      model,
      country: country ?? '',
      allowed: allow.join(' '),
      min_level: minLevel,
      evidence: evidence.join(' '),
      paid: false,
    },
  }
}

function detailsOf(
  organization: string | undefined,
  details: NonNullable<LogFact['details']>,
): Pick<LogFact, 'owner' | 'details'> {
  return organization === undefined
    ? { owner: null, details: null }
    : { owner: ownerOf('organization', organization), details: { organization, ...details } }
}
