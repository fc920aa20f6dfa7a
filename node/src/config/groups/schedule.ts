import { parseWindows, WallClock, type Window } from '../../provider/availability/index.ts'
import * as kinds from '../kinds.ts'
import type { Setting } from '../settings.ts'

const windows: Setting<readonly Window[] | undefined> = {
  description:
    'when to take orders, such as `mon-fri 20:00-07:00, sat-sun 00:00-24:00`; always when not given',
  placeholder: '<windows>',
  fallback: undefined,
  parse: parseWindows,
}

const timeZone: Setting<string | undefined> = {
  description: 'time zone of schedule and tariffs; that of this machine when not given',
  placeholder: '<zone>',
  fallback: undefined,
  parse: (value) => {
    try {
      return new WallClock(value).timeZone
    } catch {
      throw new Error('must be a time zone such as Europe/Berlin')
    }
  },
}

/** Whom a provider serves, when, and how many at once. */
export const scheduleGroup = {
  queueMax: kinds.optionalInteger({
    description: 'orders that may wait for a slot, per model; twice the slots when not given',
    min: 0,
    max: 10_000,
  }),
  machineSlots: kinds.integer({
    description:
      'requests served at once by all models together, where they share a GPU; 0 sets no limit',
    fallback: 0,
    min: 0,
    max: 100_000,
  }),
  reservedSlots: kinds.integer({
    description: 'slots of each model that only the owner’s peers get',
    fallback: 0,
    min: 0,
    max: 1024,
  }),
  consumerPlacesMax: kinds.optionalInteger({
    description:
      'slots and places in a model’s queue for one consumer; the slots and half of the queue when not given',
    min: 1,
    max: 20_000,
  }),
  ownerPeers: kinds.peerIds({
    description: 'peer ids of the owner’s own gateways: they go first',
    fallback: [],
  }),
  schedule: windows,
  timeZone,
  pauseAboveGpuBusy: kinds.integer({
    description: 'pause when a GPU is busier than this without an order of ours, percent; 0 never',
    placeholder: '<%>',
    fallback: 60,
    min: 0,
    max: 100,
  }),
  pauseAboveOthersVram: kinds.integer({
    description:
      'pause when other programs hold more of a GPU’s memory than this, percent; 0 never',
    placeholder: '<%>',
    fallback: 50,
    min: 0,
    max: 100,
  }),
  // Consumer cards slow down at 83 to 90 degrees; who is warmer is not well.
  pauseAboveCelsius: kinds.integer({
    description: 'pause when a GPU is hotter than this; 0 never',
    placeholder: '<°C>',
    fallback: 88,
    min: 0,
    max: 150,
  }),
  resumeBelowCelsius: kinds.integer({
    description: 'after a pause for heat, resume below this',
    placeholder: '<°C>',
    fallback: 80,
    min: 0,
    max: 150,
  }),
} as const
