/** NestJS over TCP with its defaults, decorators called by hand. Plain JavaScript: its packages are installed by the benchmark alone. */
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'

export const serve = async (port, check) => {
  class EchoController {
    echo(payload) {
      return check(payload)
    }
  }
  const echo = Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo')
  MessagePattern('echo')(EchoController.prototype, 'echo', echo)
  Controller()(EchoController)

  class AppModule {}
  Module({ controllers: [EchoController] })(AppModule)

  const options = { transport: Transport.TCP, options: { host: '127.0.0.1', port }, logger: false }
  const app = await NestFactory.createMicroservice(AppModule, options)
  await app.listen()
}

export const connect = async (port, check) => {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } })
  await client.connect()
  return { call: async (payload) => check(await firstValueFrom(client.send('echo', payload))) }
}
