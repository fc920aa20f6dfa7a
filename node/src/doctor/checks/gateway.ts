import { isLoopbackHost } from '../address-scope.ts'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { GatewayFacts } from '../gateway-facts.ts'

export function gatewayRuns({ view, terms }: GatewayFacts): Finding {
  const id = 'gateway.running'
  return view.answers
    ? ok(id, `gateway …${view.peerId.slice(-8)} answers`, { url: terms.url })
    : fail(
        id,
        `no gateway answers at ${terms.url}: ${view.message}`,
        'Start it: hanse gateway; for another place give --gateway-url.',
        { url: terms.url },
      )
}

export function gatewayAccess({ view }: GatewayFacts): Finding | undefined {
  const id = 'gateway.access'
  if (!view.answers) return undefined
  return view.refusal === undefined
    ? ok(id, 'it takes this command’s key')
    : fail(
        id,
        `it refuses this command: ${view.refusal}`,
        'Give the gateway’s key, or one of `hanse gateway keys`, as HANSE_API_KEY; your own clients need one, too.',
        { code: view.refusal },
      )
}

export function gatewayBasis({ view, terms }: GatewayFacts): Finding | undefined {
  const id = 'gateway.basis'
  if (!view.answers || !terms.euAudit || view.hasBasis === undefined) return undefined
  return view.hasBasis
    ? ok(id, 'it was stated why personal data may be processed')
    : fail(
        id,
        'every request is refused: nobody stated why personal data may be processed',
        'State it once: hanse gateway consent give --basis …; at home, HANSE_EU_AUDIT=false.',
      )
}

export function gatewayExposed({ terms, view }: GatewayFacts): Finding {
  const id = 'gateway.exposed'
  const { host, hasApiKey } = terms
  if (isLoopbackHost(host)) return ok(id, 'only this machine reaches it', { host })
  const isClosed = hasApiKey || (view.answers && view.refusal === 'HANSE_UNAUTHENTICATED')
  return isClosed
    ? ok(id, `others reach it on ${host}, with a key only`, { host })
    : fail(
        id,
        `on ${host} anybody could spend your money`,
        'Set HANSE_API_KEY, make keys with `hanse gateway keys create`, or --host 127.0.0.1.',
        { host },
      )
}

export function gatewayPeers({ view, terms }: GatewayFacts): Finding | undefined {
  const id = 'gateway.peers'
  if (!view.answers) return undefined
  const { connections } = view
  return connections > 0
    ? ok(id, `${connections} peers connected`, { connections })
    : fail(
        id,
        'no peer is connected',
        terms.bootstrap.length === 0
          ? 'Name a relay of the network: --bootstrap /dns4/…/tcp/4001/p2p/12D3Koo….'
          : 'See gateway.bootstrap; a firewall must let outgoing TCP connections through.',
        { connections },
      )
}

export function gatewayBootstrap({ bootstraps }: GatewayFacts): Finding | undefined {
  const id = 'gateway.bootstrap'
  if (bootstraps.length === 0) return undefined
  const joined = bootstraps.filter((one) => one.joined).length
  const silent = bootstraps.filter((one) => !one.joined).map(({ address }) => address)
  const facts = { relays: bootstraps.length, joined, silent }
  const title = `${joined} of ${bootstraps.length} relays answer`
  if (joined === bootstraps.length) return ok(id, title, facts)
  const deaf = bootstraps.some((one) => one.answers && !one.joined)
  const advice = deaf
    ? 'A relay hangs up: check the peer id in --bootstrap and the key of the private network.'
    : `Remove from --bootstrap what is gone: ${silent[0] ?? ''}`
  return (joined === 0 ? fail : warn)(id, title, advice, facts)
}

/** Without anyone whose word counts, evidence is never above level 0. */
export function evidenceCanSatisfy({ terms, view }: GatewayFacts): Finding {
  const id = 'gateway.trust'
  const { trusted, settlementUrl } = terms
  const minLevel = (view.answers ? view.offers?.minLevel : undefined) ?? terms.minLevel
  const facts = { minLevel, trusted, settlement: settlementUrl ?? null }
  return minLevel > 0 && trusted === 0 && settlementUrl === undefined
    ? fail(
        id,
        `it asks for evidence level ${minLevel}, but trusts nobody’s word: no offer can satisfy it`,
        'Set --settlement-url or --trust; in a homelab --min-level 0.',
        facts,
      )
    : ok(id, `it asks for evidence level ${minLevel}`, facts)
}

export function offersFit({ view }: GatewayFacts): Finding | undefined {
  const id = 'gateway.offers'
  if (!view.answers || view.offers === undefined) return undefined
  const { candidates, freeSlots, excluded } = view.offers
  const reasons = countReasons(excluded)
  const facts = {
    candidates,
    freeSlots,
    excluded: excluded.length,
    reasons: reasons.map(({ message, count }) => `${count} × ${message}`),
  }
  if (candidates > 0 && freeSlots === 0) {
    return warn(
      id,
      `${candidates} offers fit, but none has a free slot`,
      'Wait, or widen --residency, --min-level and the price limits so that more offers fit.',
      facts,
    )
  }
  if (candidates > 0) return ok(id, `${candidates} offers fit, ${excluded.length} do not`, facts)
  const [first] = reasons
  return first === undefined
    ? fail(
        id,
        'no offer was found',
        'Check that --network and --bootstrap are those of the providers; hanse doctor provider looks from the other side.',
        facts,
      )
    : fail(
        id,
        `none of ${excluded.length} offers fits; most: ${first.message}`,
        `To change it: ${first.change}. The policy is --residency, --min-level, --max-input-price and --max-output-price.`,
        facts,
      )
}

export function gatewayLog({ view, terms }: GatewayFacts): Finding | undefined {
  const id = 'gateway.log'
  if (!view.answers || !terms.euAudit || view.refusal !== undefined) return undefined
  return view.checkpoint
    ? ok(id, 'the transparency log has a checkpoint')
    : unknown(
        id,
        'the transparency log has no checkpoint',
        'It gets one with the first session; if there were some, see the gateway’s log.',
      )
}

export function storeWhole({ store }: GatewayFacts): Finding | undefined {
  const id = 'gateway.store'
  if (store === undefined) return undefined
  return store === 'ok'
    ? ok(id, 'the database of receipts is whole')
    : fail(
        id,
        `the database of receipts is damaged: ${store.slice(0, 200)}`,
        'Stop the gateway, keep a copy of the data folder, and restore node.db from a backup.',
      )
}

function countReasons(
  excluded: readonly { readonly code: string; readonly message: string; readonly change: string }[],
): { readonly message: string; readonly change: string; readonly count: number }[] {
  const byCode = new Map<string, { message: string; change: string; count: number }>()
  for (const { code, message, change } of excluded) {
    const known = byCode.get(code)
    byCode.set(code, { message, change, ...known, count: (known?.count ?? 0) + 1 })
  }
  return [...byCode.values()].toSorted((a, b) => b.count - a.count)
}
