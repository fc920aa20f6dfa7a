import type { ModelLimits } from './slot-board.ts'

export interface LimitSettings {
  readonly queueMax?: number | undefined
  readonly reservedSlots?: number
  readonly consumerPlacesMax?: number | undefined
}

/**
 * The limits of a model with so many slots. By default two wait for each slot, which is about what a consumer's patience
 * allows, and one consumer may fill the slots and half of the queue.
 */
export function limitsOf(slots: number, settings: LimitSettings = {}): ModelLimits {
  const { queueMax = 2 * slots, reservedSlots = 0, consumerPlacesMax } = settings
  return {
    slots,
    queueMax,
    reservedSlots: Math.min(reservedSlots, slots),
    placesPerConsumer: consumerPlacesMax ?? slots + Math.ceil(queueMax / 2),
  }
}
