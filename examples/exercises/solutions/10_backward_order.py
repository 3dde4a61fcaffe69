"""Solution of exercise 10: the order of backpropagation."""


def backward_order(made_from, loss):
    """Return the names of `loss` and of everything it was made from, each once and after all of its users."""
    made, waiting = [], [loss]
    while waiting:
        name = waiting.pop()
        if name not in made:
            made.append(name)
            waiting += made_from[name]
    users = {name: sum(made_from[user].count(name) for user in made) for name in made}

    order = [loss]
    for name in order:
        for source in made_from[name]:
            users[source] -= 1
            if users[source] == 0:
                order.append(source)
    return order
