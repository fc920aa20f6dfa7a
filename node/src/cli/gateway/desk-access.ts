import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import type { deskSettings } from '../../config/groups/desk.ts'
import type { Settings } from '../../config/settings.ts'
import {
  answerGateway,
  type ControlClient,
  type ControlValues,
  type GatewayMethod,
  type GatewayRequest,
} from '../../control/index.ts'
import { clock, random } from '../../daemon/running.ts'
import type { GatewayControl, KeyStatus } from '../../gateway/gateway-control.ts'
import { openDesk } from '../../gateway/open-rules.ts'
import { AuditEvents } from '../../log/audit-events.ts'
import { openLogDatabase } from '../../log/sqlite-log-store.ts'
import { loadOrCreateIdentity, peerIdOf } from '../../network/index.ts'
import { lockDataFolder } from '../../store/data-lock.ts'
import { NodeStore } from '../../store/node-store.ts'
import { explain, openControl } from '../control-access.ts'

export type DeskSettings = Settings<typeof deskSettings>

/** A gateway as its owner rules it. */
export type Desk = Pick<ControlClient, 'keys' | 'ask'>

/**
 * Rules the gateway that runs with the data folder, or on another machine with `peer`; where none runs, the folder itself.
 *
 * @param options.mayMake also where no gateway has run yet
 * @throws {HanseError} what the gateway says; HANSE_ALREADY_RUNNING when something else holds the folder, HANSE_NOT_FOUND
 *   where there is none
 */
export async function withDesk<Result>(
  settings: DeskSettings,
  peer: string | undefined,
  use: (desk: Desk) => Promise<Result>,
  { mayMake = false }: { readonly mayMake?: boolean } = {},
): Promise<Result> {
  await using access = await openControl(settings, peer)
  try {
    return await use(access.client)
  } catch (error) {
    if (!access.local) throw await explained(error, settings)
    const isNobodyThere = error instanceof HanseError && error.code === 'HANSE_CONTROL_UNREACHABLE'
    if (!isNobodyThere) throw error
  }
  if (!mayMake) storePath(settings.dataDir)
  return await withFolder(settings, use)
}

async function withFolder<Result>(
  { dataDir, euAudit }: DeskSettings,
  use: (desk: Desk) => Promise<Result>,
): Promise<Result> {
  using _lock = lockDataFolder(dataDir)
  using store = new NodeStore(join(dataDir, 'node.db'))
  using log = euAudit ? openLogDatabase(join(dataDir, 'log.db')) : undefined
  // They get their places in the log when the gateway starts.
  const events = log === undefined ? undefined : new AuditEvents(log, random)
  const gateway = openDesk({
    store,
    euAudit,
    note: (event) => void events?.add(event),
    now: clock,
    random,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })
  return await use(new FolderDesk(gateway))
}

/** The same answers as from a gateway that runs. */
class FolderDesk implements Desk {
  readonly #gateway: GatewayControl

  constructor(gateway: GatewayControl) {
    this.#gateway = gateway
  }

  async keys(): Promise<KeyStatus[]> {
    return await Promise.resolve(this.#gateway.keys())
  }

  async ask<Method extends GatewayMethod>(
    asked: GatewayRequest<Method>,
  ): Promise<ControlValues[Method]> {
    let answer: unknown
    await answerGateway(this.#gateway, asked, async (_method, value) => {
      answer = await Promise.resolve(value)
    })
    return answer as ControlValues[Method]
  }
}

async function explained(error: unknown, { dataDir }: DeskSettings): Promise<unknown> {
  return explain(error, peerIdOf(await loadOrCreateIdentity(join(dataDir, 'identity.key'))))
}

/** The store of a gateway, whether it runs or not. @throws {HanseError} HANSE_NOT_FOUND when there never was one */
export function openStored(dataDir: string): NodeStore {
  return new NodeStore(storePath(dataDir), { readOnly: true })
}

function storePath(dataDir: string): string {
  const path = join(dataDir, 'node.db')
  if (existsSync(path)) return path
  throw new HanseError('HANSE_NOT_FOUND', `no gateway has run with ${dataDir} (--data-dir)`)
}
