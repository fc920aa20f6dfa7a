import { join } from 'node:path'
import { OPEN_FILES_MAX, type ServicePlan, stopSeconds } from './service-plan.ts'

const RESTART_SECONDS = 5

/** launchd reads no file of variables, so a shell does; it is replaced by the program. */
const WITH_ENVIRONMENT = 'set -a; if [ -r "$0" ]; then . "$0"; fi; set +a; exec "$@"'

export function launchdLabel(program: ServicePlan['program']): string {
  return `eu.hanse.${program}`
}

/** A property list of launchd, for an agent of the user. */
export function launchdPlist(plan: ServicePlan, logFolder: string): string {
  const words = ['/bin/sh', '-c', WITH_ENVIRONMENT, plan.environmentFile, ...plan.command]
  const log = join(logFolder, 'service.log')
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    ...entry('Label', string(launchdLabel(plan.program))),
    ...entry('ProgramArguments', `<array>${words.map(string).join('')}</array>`),
    ...entry('WorkingDirectory', string(plan.workingDirectory)),
    ...entry('RunAtLoad', '<true/>'),
    // Started again after a failure, left alone after a polite end.
    ...entry('KeepAlive', '<dict><key>SuccessfulExit</key><false/></dict>'),
    ...entry('ThrottleInterval', integer(RESTART_SECONDS)),
    ...entry('ExitTimeOut', integer(stopSeconds(plan))),
    ...entry('Umask', integer(0o077)),
    ...entry(
      'SoftResourceLimits',
      `<dict><key>NumberOfFiles</key>${integer(OPEN_FILES_MAX)}</dict>`,
    ),
    ...entry('StandardOutPath', string(log)),
    ...entry('StandardErrorPath', string(log)),
    '</dict>',
    '</plist>',
  ].join('\n')}\n`
}

const entry = (key: string, value: string): string[] => [`  <key>${key}</key>`, `  ${value}`]
const integer = (value: number): string => `<integer>${value}</integer>`
const string = (text: string): string => `<string>${escapeXml(text)}</string>`

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
