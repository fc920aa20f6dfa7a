import { expect, test } from 'vitest'
import { boxOf, circlePoints, projection, viewOf } from './map.ts'

const germany = { west: 6, south: 47, east: 15, north: 55 }

test('a view holds what is to be seen, in the shape of the page', () => {
  const view = viewOf([germany], 1.6)
  expect(view.west).toBeLessThan(germany.west)
  expect(view.north).toBeGreaterThan(germany.north)
  const narrow = Math.cos((51 * Math.PI) / 180)
  expect(((view.east - view.west) * narrow) / (view.north - view.south)).toBeCloseTo(1.6, 5)
})

test('a tiny country is shown with what lies around it', () => {
  const view = viewOf([{ west: 14.3, south: 35.8, east: 14.6, north: 36.1 }], 1.6)
  expect(view.north - view.south).toBeGreaterThanOrEqual(9)
})

test('corners of a view are corners of the page', () => {
  const { x, y } = projection(germany, 900, 800)
  expect([x(6), x(15), y(55), y(47)]).toEqual([0, 900, 0, 800])
})

test('a circle is as far from its middle on all sides, on the sphere', () => {
  const circle = { latitude: 50.11, longitude: 8.68, radiusKm: 500 }
  const points = circlePoints(circle)
  for (const [longitude, latitude] of points) {
    const [a, b] = [(50.11 * Math.PI) / 180, (latitude * Math.PI) / 180]
    const cosine =
      Math.sin(a) * Math.sin(b) +
      Math.cos(a) * Math.cos(b) * Math.cos(((longitude - 8.68) * Math.PI) / 180)
    expect(Math.acos(cosine) * 6371.0088).toBeCloseTo(500, 3)
  }
  const { west, east, south, north } = boxOf(circle)
  for (const [longitude, latitude] of points) {
    expect(longitude).toBeGreaterThan(west - 0.2)
    expect(longitude).toBeLessThan(east + 0.2)
    expect(latitude).toBeGreaterThan(south - 0.2)
    expect(latitude).toBeLessThan(north + 0.2)
  }
})
