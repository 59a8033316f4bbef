"""RabbitMQ: what is declared there, how requests come in and how replies go out."""
