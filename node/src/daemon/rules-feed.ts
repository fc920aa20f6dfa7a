import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { gatewaySettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import type { OrganizationRules } from '../gateway/organization/organization-rules.ts'
import { reportOf } from '../gateway/organization/rules-json.ts'
import { RulesFeed } from '../settlement/rules-feed.ts'
import { clock } from './running.ts'

type GatewaySettings = Settings<typeof gatewaySettings>

/**
 * Follows what the organization rules at settlement; nothing is followed without a key of the organization.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID for fail-closed where nobody could ever say what the rules are
 */
export async function openRulesFeed(
  { settlementUrl: url, settlementApiKey: apiKey, dataDir, rules }: GatewaySettings,
  organization: OrganizationRules | undefined,
  { peerId, log }: { readonly peerId: string; readonly log: FastifyBaseLogger },
): Promise<RulesFeed | undefined> {
  if (organization === undefined) return undefined
  if (url === undefined || apiKey === undefined) {
    if (rules !== 'fail-closed') return undefined
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      '--rules fail-closed needs --settlement-url and a settlement API key: nobody else says what the rules are',
    )
  }
  return await RulesFeed.open({
    url,
    apiKey,
    path: join(dataDir, 'organization-rules.json'),
    now: clock,
    onRules: (given, confirmedAt) => {
      organization.change(given, confirmedAt)
      log.info({ revision: given.revision }, 'the organization’s rules count')
    },
    onConfirmed: (at) => organization.confirm(at),
    onFailure: ({ message }) => log.warn({ cause: message }, 'settlement does not say the rules'),
    report: () => reportOf(organization, peerId, clock()),
  })
}

/** For /healthz. */
export function rulesHealth({ rules, confirmedAt }: OrganizationRules): object {
  return { revision: rules?.revision ?? null, confirmedAt: confirmedAt ?? null }
}
