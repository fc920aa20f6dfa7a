/** Room around what is drawn, px: names of money or milliseconds at the left, days below. */
export const margins = { left: 56, bottom: 22, top: 8, right: 8 } as const
