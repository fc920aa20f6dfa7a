import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { launchdLabel, launchdPlist } from './launchd-plist.ts'
import { type CommentStyle, marked } from './marked-file.ts'
import type { ServicePlan } from './service-plan.ts'
import { systemdUnit } from './systemd-unit.ts'

type Command = readonly [string, ...string[]]

/** How one kind of supervisor takes, starts and forgets a service. */
export interface Supervisor {
  readonly path: (program: ServicePlan['program']) => string
  readonly text: (plan: ServicePlan) => string
  readonly start: (program: ServicePlan['program']) => readonly Command[]
  readonly stop: (program: ServicePlan['program']) => readonly Command[]
  /** After the file is gone. */
  readonly forget: readonly Command[]
  readonly status: (program: ServicePlan['program']) => Command
  /** What its owner may still have to do. */
  readonly hint: string
}

export interface Place {
  readonly platform: NodeJS.Platform
  /** Whether systemd runs this machine. */
  readonly systemd: boolean
  readonly system: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** @throws {HanseError} HANSE_CONFIG_INVALID where there is no supervisor that we know, saying what to do */
export function supervisorOf({ platform, systemd, system, env }: Place): Supervisor {
  if (platform === 'darwin' && !system) return launchd()
  if (platform === 'linux' && systemd) return systemdOf(system, env)
  throw new HanseError('HANSE_CONFIG_INVALID', nothingHere(platform))
}

function systemdOf(system: boolean, env: Place['env']): Supervisor {
  const configHome = env.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  const folder = system ? '/etc/systemd/system' : join(configHome, 'systemd', 'user')
  const systemctl = (...args: string[]): Command => [
    'systemctl',
    ...(system ? [] : ['--user']),
    ...args,
  ]
  const style: CommentStyle = 'hash'
  return {
    path: (program) => join(folder, unitName(program)),
    text: (plan) => marked(systemdUnit(plan), style),
    start: (program) => [
      systemctl('daemon-reload'),
      systemctl('enable', unitName(program)),
      // Also one that runs: it may run with older settings.
      systemctl('restart', unitName(program)),
    ],
    stop: (program) => [systemctl('disable', '--now', unitName(program))],
    forget: [systemctl('daemon-reload')],
    status: (program) => systemctl('status', '--no-pager', unitName(program)),
    hint: system
      ? ''
      : `It runs while you are logged in; to let it run always: loginctl enable-linger ${userInfo().username}`,
  }
}

function launchd(): Supervisor {
  const domain = `gui/${userInfo().uid}`
  const path = (program: ServicePlan['program']) =>
    join(homedir(), 'Library', 'LaunchAgents', `${launchdLabel(program)}.plist`)
  return {
    path,
    text: (plan) => marked(launchdPlist(plan, dirname(plan.environmentFile)), 'xml'),
    start: (program) => [['launchctl', 'bootstrap', domain, path(program)]],
    stop: (program) => [['launchctl', 'bootout', `${domain}/${launchdLabel(program)}`]],
    forget: [],
    status: (program) => ['launchctl', 'print', `${domain}/${launchdLabel(program)}`],
    hint: 'It runs while you are logged in.',
  }
}

function unitName(program: ServicePlan['program']): string {
  return `hanse-${program}.service`
}

const NOTHING_HERE: Partial<Readonly<Record<NodeJS.Platform, string>>> = {
  darwin: 'on macOS services are the user’s own: leave --system out',
  linux:
    'systemd does not run here: have your supervisor (or the container’s restart policy) run `hanse provider`, and stop it with SIGTERM',
  win32:
    'on Windows run `hanse provider` from the Task Scheduler, at log-on, with restart on failure; or install Hanse in WSL 2 with systemd',
}

function nothingHere(platform: NodeJS.Platform): string {
  return (
    NOTHING_HERE[platform] ??
    `no service manager is known for ${platform}: have yours run \`hanse provider\`, and stop it with SIGTERM`
  )
}
