import { Option } from 'commander'

export const peerOption = (): Option =>
  new Option(
    '--peer <address>',
    'a daemon on another machine: its address, or its peer id with --bootstrap',
  )
