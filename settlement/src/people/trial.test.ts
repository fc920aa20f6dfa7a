import { expect, test } from 'vitest'
import { TRIALS_PER_DOMAIN, trialClaim } from './trial.ts'

test('names after a plus sign, and dots where they mean nothing, are the same mailbox', () => {
  const { mailbox } = trialClaim('ada.lovelace@gmail.com')
  expect(trialClaim('adalovelace+hanse@googlemail.com').mailbox).toEqual(mailbox)
  expect(trialClaim('ada.l@firm.example').mailbox).not.toEqual(
    trialClaim('adal@firm.example').mailbox,
  )
  expect(trialClaim('ada+1@firm.example').mailbox).toEqual(trialClaim('ada+2@firm.example').mailbox)
})

test('a firm has a few trials; of a mail provider’s addresses everybody has one', () => {
  expect(trialClaim('ada@firm.example')).toMatchObject({
    domain: 'firm.example',
    placesMax: TRIALS_PER_DOMAIN,
  })
  expect(trialClaim('ada@gmx.de').placesMax).toBeNull()
})
