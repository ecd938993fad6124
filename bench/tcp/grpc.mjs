/** gRPC with @grpc/grpc-js and a .proto file that is loaded at run time; one channel, and so one connection, per client. */
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const file = fileURLToPath(new URL('echo.proto', import.meta.url))
// The options of its documentation: without `defaults` a field that is empty is missing.
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }
const { Bench } = grpc.loadPackageDefinition(loadSync(file, options)).bench

export const serve = (port, [{ check }]) =>
  new Promise((resolve, reject) => {
    const server = new grpc.Server()
    server.addService(Bench.service, {
      Echo: ({ request }, callback) => callback(null, check(request)),
    })
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    )
  })

export const connect = async (port, [{ check }]) => {
  // n.b. clients of one address share a connection otherwise
  const own = { 'grpc.use_local_subchannel_pool': 1 }
  const client = new Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), own)
  await new Promise((resolve, reject) =>
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve())),
  )
  const call = (payload) =>
    new Promise((resolve, reject) =>
      client.Echo(payload, (error, reply) => {
        if (error !== null) return reject(error)
        try {
          resolve(check(reply))
        } catch (invalid) {
          reject(invalid)
        }
      }),
    )
  return { calls: [call] }
}
