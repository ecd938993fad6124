/** NestJS over TCP with its defaults, decorators called by hand. Plain JavaScript: its packages are installed by the benchmark alone. */
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'

const handler = ({ check, held }) =>
  held === undefined
    ? (payload) => check(payload)
    : (payload) => {
        check(payload)
        held.started()
        return held.reply
      }

export const serve = async (port, endpoints) => {
  class EchoController {}
  endpoints.forEach((endpoint, at) => {
    const name = `handle${at}`
    Object.defineProperty(EchoController.prototype, name, {
      value: handler(endpoint),
      configurable: true,
      writable: true,
    })
    const descriptor = Object.getOwnPropertyDescriptor(EchoController.prototype, name)
    MessagePattern(endpoint.name)(EchoController.prototype, name, descriptor)
  })
  Controller()(EchoController)

  class AppModule {}
  Module({ controllers: [EchoController] })(AppModule)

  const options = { transport: Transport.TCP, options: { host: '127.0.0.1', port }, logger: false }
  const app = await NestFactory.createMicroservice(AppModule, options)
  await app.listen()
}

export const connect = async (port, endpoints) => {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } })
  await client.connect()
  const call =
    ({ name, check }) =>
    async (payload) =>
      check(await firstValueFrom(client.send(name, payload)))
  return { calls: endpoints.map(call) }
}
