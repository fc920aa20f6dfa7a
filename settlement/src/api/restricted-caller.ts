import type { FastifyRequest } from 'fastify'
import { SettlementError } from '../errors.ts'
import type { Principal } from './find-caller.ts'
import type { SignedIn } from './session.ts'

/**
 * What somebody may still do here whose processing is restricted (GDPR, Article 18(2)): read what is theirs, and what a route
 * is marked for (`whileRestricted`): exercise rights, raise claims, correct, end sessions. A route that says nothing is not for
 * them.
 *
 * @throws {SettlementError} HANSE_PROCESSING_RESTRICTED
 */
export function refuseRestrictedPerson(request: FastifyRequest, who: SignedIn): void {
  if (who.isRestricted && !(isOwn(request) && isRead(request))) allowMarked(request, 'you')
}

/**
 * The same for whoever acts for an organization: one of its people who is restricted reads nothing of the organization, for
 * that is not theirs, and would be written down.
 *
 * @throws {SettlementError} HANSE_PROCESSING_RESTRICTED
 */
export function refuseRestrictedMember(request: FastifyRequest, who: Principal): void {
  if (who.signedIn?.isRestricted === true) allowMarked(request, 'you')
  if (who.isRestricted && !isRead(request)) allowMarked(request, 'the organization')
}

/** @throws {SettlementError} HANSE_PROCESSING_RESTRICTED */
export function refuseRestrictedDirectory(request: FastifyRequest, isRestricted: boolean): void {
  if (isRestricted && !isRead(request)) allowMarked(request, 'the organization')
}

function allowMarked({ routeOptions }: FastifyRequest, who: string): void {
  if (routeOptions.config.whileRestricted === true) return
  throw new SettlementError(
    'HANSE_PROCESSING_RESTRICTED',
    `${who} had the processing of the data restricted (GDPR, Article 18): this would be processing`,
  )
}

const isOwn = ({ routeOptions }: FastifyRequest): boolean => routeOptions.config.access === 'person'

const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'
