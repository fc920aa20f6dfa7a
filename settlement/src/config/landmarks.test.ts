import { expect, test } from 'vitest'
import { landmarksSetting } from './landmarks.ts'

const PEER = '12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust'

test('landmarks are places with an address', () => {
  const text = `50.11:8.68@/dns4/fra.example/tcp/4001/p2p/${PEER}, -33.87:151.21@/ip4/192.0.2.1/tcp/1/p2p/${PEER}`
  expect(landmarksSetting.parse(text)).toEqual([
    {
      peerId: PEER,
      latitude: 50.11,
      longitude: 8.68,
      address: `/dns4/fra.example/tcp/4001/p2p/${PEER}`,
    },
    {
      peerId: PEER,
      latitude: -33.87,
      longitude: 151.21,
      address: `/ip4/192.0.2.1/tcp/1/p2p/${PEER}`,
    },
  ])
})

test('what has no place or no peer id is refused', () => {
  const wrong = [
    `/dns4/fra.example/tcp/4001/p2p/${PEER}`,
    '50.11:8.68@/dns4/fra.example/tcp/4001',
    `91:0@/dns4/a.example/tcp/1/p2p/${PEER}`,
    `0:181@/dns4/a.example/tcp/1/p2p/${PEER}`,
    `1.2.3:0@/dns4/a.example/tcp/1/p2p/${PEER}`,
  ]
  for (const text of wrong) expect(landmarksSetting.safeParse(text).success, text).toBe(false)
})
