import { HanseError } from '@hanse/protocol'
import { OPEN_FILES_MAX, type ServicePlan, stopSeconds } from './service-plan.ts'
import { quoteWord, wholeValue } from './systemd-quote.ts'

/** Exit code of a command that was called wrongly: starting it again would fail again. */
const EXIT_USAGE = 2
const RESTART_SECONDS = 5

/** A hardened unit of systemd. @throws {HanseError} HANSE_CONFIG_INVALID for paths that no unit can name */
export function systemdUnit(plan: ServicePlan): string {
  const [node, ...args] = plan.command
  // systemd takes such a program for a mistake; its arguments may hold anything.
  if (/["'\\]/u.test(node))
    throw new HanseError('HANSE_CONFIG_INVALID', `systemd cannot run ${node}: move it`)
  const system = plan.runAs !== undefined
  return section('Unit', [
    `Description=Hanse ${plan.program}`,
    // A user’s own manager has no such target.
    ...(system ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    // Tried again for ever: a machine may be offline for days.
    'StartLimitIntervalSec=0',
  ])
    .concat(
      section('Service', [
        'Type=exec',
        ...(system ? [`User=${wholeValue(plan.runAs)}`] : []),
        // The colon switches variables off, so that a dollar sign is one.
        `ExecStart=${[`:${node}`, ...args].map(quoteWord).join(' ')}`,
        `WorkingDirectory=${wholeValue(plan.workingDirectory)}`,
        `EnvironmentFile=-${wholeValue(plan.environmentFile)}`,
        'Restart=on-failure',
        `RestartSec=${RESTART_SECONDS}`,
        `RestartPreventExitStatus=${EXIT_USAGE}`,
        'KillSignal=SIGTERM',
        // The worker processes of an engine stop with the daemon, after its running answers.
        'KillMode=mixed',
        `TimeoutStopSec=${stopSeconds(plan)}`,
        `LimitNOFILE=${OPEN_FILES_MAX}`,
        ...(plan.memoryMax === undefined ? [] : [`MemoryMax=${wholeValue(plan.memoryMax)}`]),
        'UMask=0077',
        'NoNewPrivileges=yes',
        'ProtectSystem=strict',
        'ProtectHome=read-only',
        `ReadWritePaths=${plan.writable.map(quoteWord).join(' ')}`,
        'PrivateTmp=yes',
        'RestrictSUIDSGID=yes',
        'LockPersonality=yes',
        'RestrictRealtime=yes',
        'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
        // Devices stay visible and memory executable: a GPU’s driver and JavaScript need both.
        ...(system ? ['ProtectKernelTunables=yes', 'ProtectControlGroups=yes'] : []),
      ]),
      section('Install', [`WantedBy=${system ? 'multi-user.target' : 'default.target'}`]),
    )
    .join('\n')
}

function section(name: string, lines: readonly string[]): string[] {
  return [`[${name}]`, ...lines, '']
}
