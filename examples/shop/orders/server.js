// The orders service: Express with PostgreSQL and Redis; asks the storefront for the stock before it promises anything.
// Nothing here knows an agent: the start script preloads OpenTelemetry's or Elastic's.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const express = require('express')
const Redis = require('ioredis')
const { Pool } = require('pg')
const pino = require('pino')

const log = pino({ name: 'orders' })
const database = new Pool({ connectionString: process.env.SHOP_DATABASE_URL, max: 8 })
const cache = new Redis(process.env.SHOP_REDIS_URL)
const storefront = process.env.SHOP_STOREFRONT_URL
const faults = process.env.SHOP_FAULTS_FILE
const agent = new http.Agent({ keepAlive: true })

// While the start script plays an incident this file exists: the payment provider does not answer in time.
const isProviderDown = () => Boolean(faults) && fs.existsSync(faults)
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function stockOf(product) {
  return new Promise((resolve, reject) => {
    const asked = http.get(`${storefront}/stock/${product}`, { agent }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece) => { text += piece })
      answer.on('end', () => (answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`stock of ${product}: status ${answer.statusCode}`))))
    })
    asked.on('error', reject)
  })
}

class PaymentTimeoutError extends Error {}

async function pay(customer, cents) {
  if (isProviderDown()) {
    await pause(300)
    throw new PaymentTimeoutError('the payment provider did not answer within 300 ms')
  }
  return customer % 25 !== 0
}

const app = express()
app.use(express.json())
const route = (handler) => (request, response, next) => handler(request, response).catch(next)

app.post('/orders', route(async (request, response) => {
  const { customer, product } = request.body
  const stock = await stockOf(product)
  // A product that nobody weighed has grams null: a TypeError, found in production as such things are.
  const postage = Math.ceil(Number(stock.grams.toFixed(0)) / 500) * 390
  const priced = await database.query('SELECT cents FROM products WHERE id = $1', [product])
  const cents = priced.rows[0].cents + postage
  if (!(await pay(customer, cents))) {
    log.warn({ customer, cents }, 'payment declined')
    response.status(402).json({ error: 'payment declined' })
    return
  }
  const placed = await database.query('INSERT INTO orders (customer, product, cents) VALUES ($1, $2, $3) RETURNING id', [customer, product, cents])
  await cache.incrby('sold', cents)
  await cache.lpush('packing', placed.rows[0].id)
  log.info({ customer, product, order: placed.rows[0].id }, 'order placed')
  response.status(201).json({ id: placed.rows[0].id, cents })
}))

app.get('/customers/:customer/orders', route(async (request, response) => {
  const found = await database.query('SELECT id, product, cents FROM orders WHERE customer = $1 ORDER BY id DESC LIMIT 20', [request.params.customer])
  response.json(found.rows)
}))

app.get('/packing', route(async (request, response) => {
  const next = await cache.lrange('packing', 0, 9)
  if (request.query.pack !== undefined) await cache.ltrim('packing', next.length, -1)
  response.json(next)
}))

app.get('/health', (request, response) => response.json({ version: process.env.SHOP_VERSION }))

app.use((error, request, response, next) => {
  log.error({ err: error, path: request.path }, 'request failed')
  response.status(error instanceof PaymentTimeoutError ? 504 : 500).json({ error: error.message })
})

const server = app.listen(Number(process.env.SHOP_PORT), '127.0.0.1', () => log.info('orders listens'))

// Let go of everything when asked to stop, so that the process ends by itself and its agent sends what it still has.
process.once('SIGTERM', async () => {
  server.close()
  server.closeIdleConnections()
  agent.destroy()
  await database.end()
  await cache.quit()
})
